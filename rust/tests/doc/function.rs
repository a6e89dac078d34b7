// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
// What the examples of a function's calls begin with: 4 vectors of MSI-X, the capability at 40h,
// table and PBA at 1000h and 1800h in BAR 0. Any file stands in for the VM.
{
    use msi_route::{Backend, MsixShape, Shape, Vm};

    let shape = Shape::default().with_msix(MsixShape::new(4, 0x40, (0, 0x1000), (0, 0x1800)));
    let file = std::fs::File::open("/dev/null").unwrap();
    Vm::builder(file).backend(Backend::User).build().unwrap().create(&shape).unwrap()
}
