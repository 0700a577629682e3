// `POST /?count=n`: n hashes by the JavaScript peers' library.
import Argon2 from "./argon2.js";
import module from "./argon2.wasm";

const argon2 = new Argon2(new WebAssembly.Instance(module));
const options = {
  memoryCost: 19456,
  timeCost: 2,
  parallelism: 1,
  hashLength: 32,
  salt: new Uint8Array(16).fill(7),
};

export default {
  fetch(request) {
    const count = Number(new URL(request.url).searchParams.get("count"));
    let written = 0;
    for (let i = 0; i < count; i++)
      written += argon2.hash("correct horse battery staple", options).encoded.length;
    return new Response(written);
  },
};
