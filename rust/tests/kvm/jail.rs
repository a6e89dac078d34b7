// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! Behind a filter of what `seccomp` lists, every call of the trait works.

use msi_route::{Backend, Interrupts, Kind, Outcome, Result, seccomp};

use crate::machine::*;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

fn filter(ioctls: &[u64]) -> Vec<libc::sock_filter> {
    let filter = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
    let load = |at| filter(0x20, 0, 0, at);
    let unless = |k| filter(0x15, 0, 1, k);
    let ret = |k| filter(0x06, 0, 0, k);
    let mut program = vec![load(0)];
    let ours = seccomp::SYSCALLS.iter().map(|(_, number)| *number);
    for number in ours.filter(|&n| n != libc::SYS_ioctl).chain([libc::SYS_exit_group]) {
        program.extend([unless(number as u32), ret(ALLOW)]);
    }
    program.extend([filter(0x15, 1, 0, libc::SYS_ioctl as u32), ret(KILL), load(24)]);
    for &number in ioctls {
        program.extend([unless(number as u32), ret(ALLOW)]);
    }
    program.push(ret(KILL));
    program
}

fn enter(filter: &mut Vec<libc::sock_filter>) -> bool {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is there, and is copied.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    }
}

fn call_all(machine: &Machine, backend: Backend) -> Result<bool> {
    let host = machine.host(backend, false);
    let function: Box<dyn Interrupts> = host.create(&shape())?;
    function.config_write(4, &[6, 0]);
    function.config_write(MSIX_CAP + CONTROL, &ENABLE.to_le_bytes());
    let mut all = function.trigger(Kind::Msix, 0)? == Outcome::Pending;
    all &= function.clear_pending(Kind::Msix, 0)?;
    function.eventfd(Kind::Msix, 1)?;
    function.detach_all(Kind::Msix, 1)?;
    let event = vmm_sys_util::eventfd::EventFd::new(0).expect("an eventfd");
    msi_route::Events::attach_event(&*function, Kind::Msix, 1, &event)?;
    msi_route::Events::event(&*function, Kind::Msix, 0)?;
    function.placed(TABLE.0, Some(0xc000_0000))?;
    // A message, so that the eventfd is KVM's.
    all &= function.bar_write(TABLE.0, u64::from(TABLE.1) + 16, &to(0).to_le_bytes());
    all &= function.bar_write(TABLE.0, u64::from(TABLE.1) + 24, &0x51u64.to_le_bytes());
    function.trigger(Kind::Msix, 1)?;
    function.poll();
    let state = function.hand_over()?;
    function.take_over(&state)?;
    function.run()?;
    function.set_command(0)?;
    function.reset()?;
    host.set_routes(&[])?;
    Ok(all)
}

fn jailed(backend: Backend, ioctls: &[&[(&str, u64)]], break_it: bool) -> i32 {
    let numbers: Vec<u64> = ioctls.iter().flat_map(|list| list.iter().map(|i| i.1)).collect();
    let mut filter = filter(&numbers);
    // SAFETY: the child makes calls and exits.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let machine = Machine::new(&[0], false);
        let status = match enter(&mut filter) {
            false => 2,
            true if break_it => i32::from(std::fs::metadata("/").is_ok()),
            true => i32::from(call_all(&machine, backend) != Ok(true)),
        };
        // SAFETY: the end.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: our child.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    status
}

#[test]
#[ignore = "needs /dev/kvm and /dev/msi_route"]
fn module() {
    // Of KVM's the first three.
    let lists = [seccomp::MODULE_IOCTLS, &seccomp::USER_IOCTLS[..3]];
    assert_eq!(jailed(Backend::Module, &lists, false), 0);
}

#[test]
#[ignore = "needs /dev/kvm"]
fn user() {
    assert_eq!(jailed(Backend::User, &[seccomp::USER_IOCTLS], false), 0);
    // The filter does filter.
    let status = jailed(Backend::User, &[seccomp::USER_IOCTLS], true);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS);
}
