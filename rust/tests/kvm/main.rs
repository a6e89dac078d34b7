// SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note
//! The rules on a real KVM, by the trait's calls: once on msi_route, once in user space.
//!
//! They need /dev/kvm and /dev/msi_route: `cargo test --all-features --test kvm -- --ignored`.

/// Each test on both backends.
macro_rules! both {
    ($(fn $name:ident($side:ident: &Side) $body:block)*) => {
        $(fn $name($side: &Side) $body)*

        mod module {
            $(#[test]
            #[ignore = "needs /dev/kvm and /dev/msi_route"]
            fn $name() {
                super::$name(&super::Side::new(msi_route::Backend::Module));
            })*
        }

        mod user {
            $(#[test]
            #[ignore = "needs /dev/kvm"]
            fn $name() {
                super::$name(&super::Side::new(msi_route::Backend::User));
            })*
        }
    };
}

mod jail;
mod machine;
mod module;
mod rules;
mod state;
