// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The command line, and what is told at the end.

use std::fs::File;
use std::process::ExitCode;

use msi_route::{Backend, Counters};
use msi_route_vmm::machine::{self, Options};
use msi_route_vmm::Result;

const USAGE: &str = "usage: msi-route-vmm OPTION...
  --kernel FILE      a bzImage
  --initramfs FILE
  --disk FILE        what the guest finds as /dev/vda
  --append WORDS     more for the kernel's command line
  --memory MIB       256
  --cpus N           2
  --backend WHICH    any (the module, where the host has it), module, or user";

/// Without ACPI the guest takes processors from the MP table and finds PCI by its ports.
const COMMAND_LINE: &str = "console=ttyS0 acpi=off pci=conf1 reboot=k panic=-1 printk.time=0";

fn open(name: &str, writable: bool) -> Result<File> {
    let file = File::options().read(true).write(writable).open(name);
    file.map_err(|e| format!("{name}: {e}").into())
}

fn options() -> Result<Options> {
    let (mut kernel, mut initramfs, mut disk) = (None, None, None);
    let (mut memory, mut cpus, mut backend) = (256, 2, Backend::Any);
    let mut command_line = COMMAND_LINE.to_string();
    let mut arguments = std::env::args().skip(1);

    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match option.as_str() {
            "--kernel" => kernel = Some(open(&value, false)?),
            "--initramfs" => initramfs = Some(open(&value, false)?),
            "--disk" => disk = Some(open(&value, true)?),
            "--append" => command_line += &format!(" {value}"),
            "--memory" => memory = value.parse()?,
            "--cpus" => cpus = value.parse()?,
            "--backend" => {
                backend = match value.as_str() {
                    "any" => Backend::Any,
                    "module" => Backend::Module,
                    "user" => Backend::User,
                    _ => return Err(USAGE.into()),
                }
            }
            _ => return Err(USAGE.into()),
        }
    }
    // One region from 0 on, below the addresses of devices; the table has room for 16.
    if !(64..=2048).contains(&memory) || !(1..=16).contains(&cpus) {
        return Err("64 to 2048 MiB, 1 to 16 processors".into());
    }
    Ok(Options {
        kernel: kernel.ok_or(USAGE)?,
        initramfs: initramfs.ok_or(USAGE)?,
        disk: disk.ok_or(USAGE)?,
        command_line,
        memory: memory << 20,
        cpus,
        backend,
    })
}

/// Each event is in one place.
fn print(c: &Counters) {
    println!(
        "vmm: {} events, {} messages, {} coalesced, {} pending",
        c.events, c.messages, c.coalesced, c.pending
    );
}

fn run() -> Result<u8> {
    let (status, counters) = machine::run(options()?)?;
    match counters {
        Some(counters) => print(&counters),
        None => println!("vmm: without the module nothing is counted"),
    }
    Ok(status)
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("vmm: {e}");
            ExitCode::from(1)
        }
    }
}
