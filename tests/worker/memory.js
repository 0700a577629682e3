// Holds on to the wasm's memory, which the built Worker does not export. This module must be imported before the
// Worker.
const Instance = WebAssembly.Instance;

export let memory;

// biome-ignore lint/complexity/useArrowFunction: `new` calls it, and cannot call an arrow function
WebAssembly.Instance = function (...parts) {
  const instance = new Instance(...parts);
  memory = instance.exports.memory;
  return instance;
};
