// Every sign-up waits: each name goes on a waiting list, once. A name that the operator admits may sign up.
import { allow, deny, hook } from "../hook.js";

export default hook(async ({ client_id, username }, { WAITING_LIST }) => {
  const row = await WAITING_LIST.prepare(
    `INSERT INTO waiting (client_id, username) VALUES (?1, ?2)
     ON CONFLICT DO UPDATE SET username = username RETURNING is_admitted`,
  )
    .bind(client_id ?? "", username.normalize("NFKC").toLowerCase())
    .first();
  return row.is_admitted ? allow : deny("You are on the waiting list. We will tell you when you can sign up.");
});
