//! stub
pub mod store;
pub mod wasm;
pub mod writer;
