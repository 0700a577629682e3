// Hashes a password for each line of the input, under the Worker's default parameters, and prints the tag.
import { argon2Sync } from "node:crypto";
import { createInterface } from "node:readline";

const parameters = {
  message: "correct horse battery staple",
  nonce: Buffer.alloc(16, 7),
  memory: 19456,
  passes: 2,
  parallelism: 1,
  tagLength: 32,
};

for await (const _ of createInterface({ input: process.stdin })) {
  console.log(argon2Sync("argon2id", parameters).toString("hex"));
}
