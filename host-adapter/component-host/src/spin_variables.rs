//! `spin:variables`: the variables of a component, as Spin provides them.

use std::{collections::HashMap, sync::Arc};

use wasmtime::component::{Accessor, HasData, Linker};

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package spin:variables@3.0.0;
            interface variables {
                variant error { invalid-name(string), undefined(string), provider(string), other(string) }
                get: async func(name: string) -> result<string, error>;
            }
            world host { import variables; }
        ",
        imports: { default: async },
    });
}

use generated::spin::variables::variables as wit;

/// One component's variables, resolved when the application is loaded.
pub(crate) type Variables = Arc<HashMap<String, String>>;

struct HostVariables;

impl HasData for HostVariables {
    type Data<'a> = &'a Variables;
}

/// Adds `spin:variables/variables` to `linker`. `variables` gets them from the store's data.
///
/// # Errors
///
/// The linker already has the function.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    variables: fn(&mut T) -> &Variables,
) -> wasmtime::Result<()> {
    wit::add_to_linker::<T, HostVariables>(linker, variables)
}

impl wit::Host for &Variables {}

impl<T: Send> wit::HostWithStore<T> for HostVariables {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, wit::Error> {
        let variables = accessor.with(|mut access| access.get().clone());
        variables
            .get(&name)
            .cloned()
            .ok_or(wit::Error::Undefined(name))
    }
}
