// Counts the calls between a wasm instance and JavaScript, and the texts that a `TextDecoder` decodes. Import this
// file before the module that makes the instance.
export const counts = {};

/** Sets all counts to zero. */
export const reset = () => Object.assign(counts, { toJs: 0, toWasm: 0, allocations: 0, decoded: 0 });

reset();

/** The same functions; each call is counted under the name that `kind` gives for the function's name. */
function counted(functions, kind) {
  const entries = Object.entries(functions).map(([name, value]) => {
    if (typeof value !== "function") return [name, value];
    const counting = (...values) => {
      counts[kind(name)]++;
      return value(...values);
    };
    return [name, counting];
  });
  return Object.fromEntries(entries);
}

const Instance = WebAssembly.Instance;

// biome-ignore lint/complexity/useArrowFunction: `new` cannot call an arrow function
WebAssembly.Instance = function (module, imports) {
  const modules = Object.entries(imports).map(([name, module]) => [name, counted(module, () => "toJs")]);
  const { exports } = new Instance(module, Object.fromEntries(modules));
  // Before JavaScript passes a text or bytes to wasm, it allocates memory for them there.
  return { exports: counted(exports, (name) => (name === "__wbindgen_malloc" ? "allocations" : "toWasm")) };
};

const { decode } = TextDecoder.prototype;

TextDecoder.prototype.decode = function (...values) {
  counts.decoded++;
  return decode.apply(this, values);
};
