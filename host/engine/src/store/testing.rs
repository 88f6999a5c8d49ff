//! For tests of stores, and of those who use one.
