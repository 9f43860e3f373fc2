//! What one instance of a component may have of wasm. All instances share one pool, so an instance that had more would
//! take the places of others.

use wasmtime::{StoreLimits, StoreLimitsBuilder};

/// Core modules. A component built by Rust consists of three, or four with Debian's toolchain, whose C library needs an
/// adapter from an older WASI. With adapter-client composed in, it has twice that, and one with which wasmtime joins the
/// two: nine.
pub(super) const CORE_INSTANCES: u32 = 12;

/// Linear memories. Each may have the size of the setting.
pub(super) const MEMORIES: u32 = 2;

/// Tables of functions.
pub(super) const TABLES: u32 = 8;

/// Functions in a table. Large programs have some thousands. It is wasmtime's own default.
pub(super) const TABLE_ELEMENTS: usize = 20_000;

/// The limits of an instance whose memory may have this size, in bytes. Beyond them, a component is not instantiated,
/// and what grows gets the error of its instruction.
pub(super) fn of_instance(memory: usize) -> StoreLimits {
    let count = |number: u32| number.try_into().unwrap_or(usize::MAX);
    StoreLimitsBuilder::new()
        .memory_size(memory)
        .table_elements(TABLE_ELEMENTS)
        .instances(count(CORE_INSTANCES))
        .memories(count(MEMORIES))
        .tables(count(TABLES))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{Engine, Instance, Module, Store, TypedFunc};

    /// A module with an empty table of functions, a memory of one page (64 KiB), and two functions that make them
    /// larger: `t` and `m` take by how much, and return the size before, or -1.
    const GROWING: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x06\x01\x60\x01\x7f\x01\x7f\
        \x03\x03\x02\0\0\
        \x04\x04\x01\x70\0\0\
        \x05\x03\x01\0\x01\
        \x07\x09\x02\x01t\0\0\x01m\0\x01\
        \x0a\x12\x02\x09\0\xd0\x70\x20\0\xfc\x0f\0\x0b\x06\0\x20\0\x40\0\x0b";

    /// A module with nothing in it.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    fn store(module: &[u8], memory: usize) -> (Store<StoreLimits>, Module) {
        let engine = Engine::default();
        let module = Module::new(&engine, module).unwrap();
        let mut store = Store::new(&engine, of_instance(memory));
        store.limiter(|limits| limits);
        (store, module)
    }

    /// How many instances of `module` a store takes, of 20.
    fn instances(module: &[u8]) -> u32 {
        let (mut store, module) = store(module, 1 << 20);
        let instances = (0..20).map(|_| Instance::new(&mut store, &module, &[]).is_ok());
        instances.take_while(|made| *made).map(u32::from).sum()
    }

    #[test]
    fn tables_and_memories_grow_to_a_limit() {
        let (mut store, module) = store(GROWING, 2 << 16);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let mut grow = |name: &str, by: i32| {
            let function: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, name).unwrap();
            function.call(&mut store, by).unwrap()
        };
        let elements = i32::try_from(TABLE_ELEMENTS).unwrap();
        assert_eq!(grow("t", elements), 0);
        assert_eq!(grow("t", 1), -1);
        assert_eq!(grow("m", 1), 1);
        assert_eq!(grow("m", 1), -1);
    }

    #[test]
    fn an_instance_has_few_modules_and_fewer_memories() {
        assert_eq!(instances(EMPTY), CORE_INSTANCES);
        assert_eq!(instances(GROWING), MEMORIES);
    }
}
