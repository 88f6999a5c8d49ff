//! `wasi:io/poll`: waiting for several things. Only clocks are ever waited for; streams are always ready.

use crate::wasm::wasi::{Outside, Sleep, Wasi};
use std::future::poll_fn;
use std::task::{Context, Poll};
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{StoreContextMut, format_err};

/// The resource `pollable`.
pub(in crate::wasm::wasi) struct Pollable;

/// One that is always ready.
const READY: u32 = 0;

/// One that is ready.
pub(in crate::wasm::wasi) fn ready() -> Resource<Pollable> {
    Resource::new_own(READY)
}

impl Wasi {
    /// One that is ready when that wait is over.
    pub(in crate::wasm::wasi) fn sleeping(&mut self, sleep: Sleep) -> Resource<Pollable> {
        self.pollables_given = self.pollables_given.wrapping_add(1).max(READY + 1);
        self.sleeping.insert(self.pollables_given, sleep);
        Resource::new_own(self.pollables_given)
    }

    fn sleep(&self, pollable: u32) -> Option<Sleep> {
        self.sleeping.get(&pollable).copied()
    }
}

pub(in crate::wasm::wasi) fn add_to_linker<T: Outside>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:io/poll@0.2.12")?;
    interface.resource(
        "pollable",
        ResourceType::host::<Pollable>(),
        |mut store: StoreContextMut<'_, T>, pollable| match store
            .data_mut()
            .wasi()
            .sleeping
            .remove(&pollable)
        {
            Some(sleep) => store.data_mut().end_sleep(sleep),
            None => Ok(()),
        },
    )?;
    interface.func_wrap(
        "[method]pollable.ready",
        |mut store: StoreContextMut<'_, T>, (pollable,): (Resource<Pollable>,)| {
            Ok((is_ready(store.data_mut(), pollable.rep())?,))
        },
    )?;
    interface.func_wrap_async(
        "[method]pollable.block",
        |mut store: StoreContextMut<'_, T>, (pollable,): (Resource<Pollable>,)| {
            Box::new(async move {
                poll_fn(|context| poll_all(store.data_mut(), context, &[pollable.rep()])).await?;
                Ok(())
            })
        },
    )?;
    interface.func_wrap_async(
        "poll",
        |mut store: StoreContextMut<'_, T>, (pollables,): (Vec<Resource<Pollable>>,)| {
            Box::new(async move {
                if pollables.is_empty() {
                    return Err(format_err!("poll was called with nothing to wait for"));
                }
                let pollables: Vec<u32> = pollables.iter().map(Resource::rep).collect();
                let ready = poll_fn(|context| poll_all(store.data_mut(), context, &pollables));
                Ok((ready.await?,))
            })
        },
    )
}

fn is_ready<T: Outside>(outside: &mut T, pollable: u32) -> wasmtime::Result<bool> {
    match outside.wasi().sleep(pollable) {
        Some(sleep) => outside.is_awake(sleep),
        None => Ok(true),
    }
}

/// The places of those that are ready, once there are any.
fn poll_all<T: Outside>(
    outside: &mut T,
    context: &mut Context<'_>,
    pollables: &[u32],
) -> Poll<wasmtime::Result<Vec<u32>>> {
    let ready = places(outside, pollables)?;
    if !ready.is_empty() {
        return Poll::Ready(Ok(ready));
    }
    let wasi = outside.wasi();
    let sleeps: Vec<Sleep> = pollables.iter().filter_map(|it| wasi.sleep(*it)).collect();
    match outside.poll_sleeps(context, &sleeps)? {
        Poll::Ready(()) => Poll::Ready(places(outside, pollables)),
        Poll::Pending => Poll::Pending,
    }
}

fn places<T: Outside>(outside: &mut T, pollables: &[u32]) -> wasmtime::Result<Vec<u32>> {
    let mut ready = Vec::new();
    for (place, pollable) in (0..).zip(pollables) {
        if is_ready(outside, *pollable)? {
            ready.push(place);
        }
    }
    Ok(ready)
}
