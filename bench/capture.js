// Takes hold of a wasm instance that its module keeps to itself. Imported before it.
const Instance = WebAssembly.Instance;

export let instance;

// biome-ignore lint/complexity/useArrowFunction: it is called by `new`, which no arrow function can be
WebAssembly.Instance = function (...parts) {
  instance = new Instance(...parts);
  return instance;
};
