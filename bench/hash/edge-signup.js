// `POST /?count=n`: n hashes by the Worker's own code.
import { instance } from "./capture.js";
import "./index.js";

export default {
  fetch(request) {
    const count = Number(new URL(request.url).searchParams.get("count"));
    return new Response(instance.exports.hash(count));
  },
};
