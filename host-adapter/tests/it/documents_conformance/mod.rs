//! What `wit/documents.wit` promises, asked of a real store through [`Documents`].
//!
//! A case is a function over `&Documents` with an empty collection `events`, so that every backend
//! runs the same ones; where stores could differ, MongoDB is right. `conformance!` lists the cases and
//! takes a backend's name with a function that makes such a store; `finest!` those that need MongoDB
//! itself, where the small server that stands in for it does not do.
//!
//! [`Documents`]: adapter_capabilities::documents::Documents

// Only inside `cfg(test)` clippy lets helpers of tests panic.
#[cfg(test)]
mod filters;
#[cfg(test)]
mod finest;
#[cfg(test)]
mod nulls;
#[cfg(test)]
mod rejections;
#[cfg(test)]
mod results;
#[cfg(test)]
mod shorthand;
#[cfg(test)]
mod updates;
#[cfg(test)]
mod volume;
#[cfg(test)]
mod writes;

macro_rules! conformance {
    ($backend:ident: $documents:path) => {
        mod $backend {
            conformance! { $documents =>
                filters:
                    numbers_are_equal_across_types
                    values_of_different_types_are_never_equal
                    an_array_matches_by_one_of_its_elements
                    a_path_crosses_arrays_of_objects
                    not_equal_is_the_negation_of_equal
                    in_is_any_of_its_values
                    ranges_hold_within_one_type
                    dates_are_compared_as_points_in_time
                    conditions_combine
                    ids_are_compared_as_text
                    any_text_can_be_a_name_and_a_value
                    a_thousand_values_are_found;
                nulls:
                    null_equals_missing
                    null_is_sought_along_every_way
                    existence_is_not_nullness;
                rejections:
                    collections_outside_the_grant_are_denied
                    unknown_operators_are_invalid_by_name
                    hostile_names_are_invalid
                    documents_that_cannot_be_stored_are_refused_by_position
                    too_much_is_too_large;
                results:
                    documents_come_back_whole
                    order_is_by_type_then_value
                    arrays_are_ordered_by_their_extreme
                    ties_are_ordered_by_id
                    pages_are_cut_by_skip_and_limit
                    a_result_has_at_most_the_maximum
                    a_result_above_the_byte_limit_is_too_large
                    values_are_counted_by_frequency
                    different_values_are_counted_without_null;
                updates:
                    fields_are_set_increased_and_removed
                    all_matching_documents_are_changed_once
                    increments_of_many_callers_add_up
                    what_cannot_be_changed_stays_as_it_is;
                volume:
                    odd_names_are_kept
                    the_deepest_document_is_found_and_changed
                    the_largest_document_comes_back_whole
                    ten_thousand_documents_are_paged_counted_changed_and_removed;
                writes:
                    the_same_id_is_stored_once
                    the_first_of_two_in_one_call_is_stored
                    overlapping_inserts_store_each_document_once
                    nothing_is_no_insert
                    large_inserts_are_stored_whole
                    removed_documents_are_gone;
            }
        }
    };
    ($documents:path => $($file:ident: $($case:ident)+;)+) => {
        $($(
            #[tokio::test]
            async fn $case() {
                let documents = $documents(&["events"]).await;
                super::$file::$case(&documents).await;
            }
        )+)+
    };
}

conformance!(jsonb: crate::support::documents);
conformance!(jsonb_with_indexes: crate::support::documents_with_indexes);
conformance!(mongodb: crate::support::documents_in_mongodb);

/// On the small server a case must fail, so that nobody takes for granted what was never shown.
macro_rules! finest {
    ($($case:ident)+) => {
        mod finest_jsonb {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents(&["events"]).await;
                    super::finest::$case(&documents).await;
                }
            )+
        }

        mod finest_jsonb_with_indexes {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents_with_indexes(&["events"]).await;
                    super::finest::$case(&documents).await;
                }
            )+
        }

        mod finest_mongodb {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents_in_mongodb(&["events"]).await;
                    let case = super::finest::$case(&documents);
                    if documents.are_in_small_server().await {
                        super::shorthand::fails(case).await;
                    } else {
                        case.await;
                    }
                }
            )+
        }
    };
}

finest! {
    integers_are_told_apart_where_doubles_are_not
    text_is_ordered_by_bytes_beyond_the_first_plane
    a_path_does_not_cross_arrays_in_arrays
    null_is_not_in_arrays_in_arrays
    null_is_not_sought_in_arrays_without_objects
    a_field_is_missing_where_no_element_has_it
    unset_does_not_cross_arrays
    arrays_are_counted_whole
}
