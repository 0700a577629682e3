// Makes the files of local databases, each with one table that has the name of the database.
//
//   STATE=folder node tests/worker/databases.js NAME…

const path = require("node:path");
const { convertV4MiniflareOptions, Miniflare } = require("miniflare");

async function make(names) {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "",
      cf: false,
      resourcePersistencePath: path.resolve(process.env.STATE, "v3"),
      d1Databases: Object.fromEntries(names.map((name) => [name, name])),
    }),
  );
  for (const name of names) {
    const database = await miniflare.getD1Database(name);
    await database.exec(`CREATE TABLE ${name} (x)`);
  }
  await miniflare.dispose();
}

make(process.argv.slice(2));
