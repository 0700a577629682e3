// Keeps hold of the wasm's memory, which the built Worker does not export. Imported before it.
const Instance = WebAssembly.Instance;

export let memory;

// biome-ignore lint/complexity/useArrowFunction: it is called by `new`, which no arrow function can be
WebAssembly.Instance = function (...parts) {
  const instance = new Instance(...parts);
  memory = instance.exports.memory;
  return instance;
};
