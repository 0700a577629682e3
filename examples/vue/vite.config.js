import vue from "@vitejs/plugin-vue";

// Vue would take the tag for a component of its own.
const isCustomElement = (tag) => tag === "edge-sign-up";

export default { base: "./", plugins: [vue({ template: { compilerOptions: { isCustomElement } } })] };
