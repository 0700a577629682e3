// Captures the wasm instance of a module that does not export its instance. Import this file before that module.
const Instance = WebAssembly.Instance;

export let instance;

// biome-ignore lint/complexity/useArrowFunction: `new` cannot call an arrow function
WebAssembly.Instance = function (...parts) {
  instance = new Instance(...parts);
  return instance;
};
