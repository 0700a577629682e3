// The Worker with every feature, as `make test` builds it.
import Worker from "../../target/full/index.js";
import { serve } from "../../worker/serve.js";

export default serve(Worker.prototype);
