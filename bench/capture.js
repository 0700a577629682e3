// Takes hold of a wasm instance that its module keeps to itself. Imported before it.
const Instance = WebAssembly.Instance;

export let instance;

WebAssembly.Instance = function (...parts) {
  instance = new Instance(...parts);
  return instance;
};
