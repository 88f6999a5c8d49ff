//! stub
pub mod store;
pub mod writer;
