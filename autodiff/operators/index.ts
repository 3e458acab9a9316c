export * from "./choice.ts";
export * from "./elementwise.ts";
export * from "./linear.ts";
export * from "./normalize.ts";
export * from "./quantized.ts";
export * from "./reduce.ts";
export * from "./rotary.ts";
export * from "./shape.ts";
