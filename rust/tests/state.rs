// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! A state of the helper in C, from state.c, and one for it. `check` runs both.

use msi_route::{Backend, Interrupts, Kind, MsiShape, MsixShape, Shape, State, UserFunction, Vm};

fn function() -> UserFunction {
    let mut msi = MsiShape::new(4, 0x50);
    (msi.address_64bit, msi.masking) = (true, true);
    let shape = Shape::default()
        .with_msix(MsixShape::new(70, 0x40, (0, 0x1000), (0, 0x1800)))
        .with_msi(msi);
    let vm = Vm::builder(std::fs::File::open("/dev/null").unwrap()).backend(Backend::User);
    vm.build().unwrap().create_user(&shape).unwrap()
}

/// The same as in state.c.
fn fill(function: &UserFunction) {
    for i in 0..70u32 {
        let registers = [0xfee0_0000 | i << 12, i << 8, 0x20 + i, i << 16 | i % 2];
        for (at, register) in (0u32..).step_by(4).zip(registers) {
            let offset = u64::from(0x1000 + i * 16 + at);
            assert!(function.bar_write(0, offset, &register.to_le_bytes()));
        }
    }
    function.config_write(0x42, &0xc000u16.to_le_bytes());
    function.config_write(0x54, &0x2_fee0_1000u64.to_le_bytes());
    function.config_write(0x5c, &0x4051u16.to_le_bytes());
    function.config_write(0x60, &5u32.to_le_bytes());
    function.config_write(0x52, &0x20u16.to_le_bytes());
    function.trigger(Kind::Msix, 69).unwrap();
    function.trigger(Kind::Msix, 1).unwrap();
    function.trigger(Kind::Msi, 2).unwrap();
    function.set_command(0x404).unwrap();
}

#[test]
#[ignore = "needs a state of the helper in C: rust/check state"]
fn state_of_the_helper_in_c() {
    let of_c = std::fs::read(std::env::var_os("MSI_ROUTE_STATE").unwrap()).unwrap();
    let saved = function();
    fill(&saved);
    saved.stop().unwrap();
    let state = saved.save().unwrap();
    assert_eq!(State::from_bytes(&of_c), Ok(state.clone()));
    let bytes = state.to_bytes().unwrap();
    assert_eq!(bytes, of_c);

    let restored = function();
    restored.take_over(&State::from_bytes(&of_c).unwrap()).unwrap();
    assert_eq!(restored.save().unwrap(), state);
    std::fs::write(std::env::var_os("MSI_ROUTE_STATE_TO").unwrap(), bytes).unwrap();
}
