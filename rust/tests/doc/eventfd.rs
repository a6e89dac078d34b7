// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
// An eventfd for the examples of the documentation, which need no crate for it.
{
    unsafe extern "C" {
        fn eventfd(count: std::ffi::c_uint, flags: std::ffi::c_int) -> std::ffi::c_int;
    }
    // SAFETY: the descriptor is new, so nothing else owns it; 2048 is EFD_NONBLOCK.
    unsafe { <std::fs::File as std::os::fd::FromRawFd>::from_raw_fd(eventfd(0, 2048)) }
}
