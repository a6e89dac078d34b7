// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
//! msi_route from Rust, by bindgen:
//!
//!     bindgen --no-prepend-enum-name wrapper.h -o bindings.rs
//!
//! bindgen passes over macros that call macros, as all request numbers do. The
//! wrapper includes the header and gives each of them a constant.
#![allow(non_camel_case_types, non_upper_case_globals, dead_code)]
// Tests that bindgen writes: they compare with C by null pointers.
#![allow(deref_nullptr)]
use std::os::raw::{c_int, c_ulong};
use std::os::unix::io::AsRawFd;

include!("bindings.rs");

extern "C" {
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
}

fn size_behind<T>(_: *const T) -> usize {
    std::mem::size_of::<T>()
}

macro_rules! request {
    ($name:ident, $constant:ident) => {
        println!("request {} {}", stringify!($name), $constant)
    };
}

macro_rules! value {
    ($name:ident) => {
        println!("value {} {}", stringify!($name), $name as i64)
    };
}

macro_rules! structure {
    ($s:ident) => {
        println!("struct {} {}", stringify!($s), std::mem::size_of::<$s>())
    };
}

macro_rules! field {
    ($s:ident, $f:ident) => {{
        let whole = std::mem::MaybeUninit::<$s>::uninit();
        let field = unsafe { std::ptr::addr_of!((*whole.as_ptr()).$f) };
        let offset = field as usize - whole.as_ptr() as usize;
        println!("field {} {} {} {}", stringify!($s), stringify!($f), offset, size_behind(field))
    }};
}

fn layout() {
    include!("layout.rs");
}

fn query(device: &str) -> std::io::Result<msi_route_query> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(device)?;
    let mut q: msi_route_query = unsafe { std::mem::zeroed() };
    q.size = std::mem::size_of::<msi_route_query>() as u32;
    match unsafe { ioctl(file.as_raw_fd(), request_MSI_ROUTE_QUERY as c_ulong, &mut q) } {
        0 => Ok(q),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn main() -> std::io::Result<()> {
    match std::env::args().nth(1) {
        None => layout(),
        Some(device) => {
            let q = query(&device)?;
            println!("version {}, features {:x}", q.version, q.features);
        }
    }
    Ok(())
}
