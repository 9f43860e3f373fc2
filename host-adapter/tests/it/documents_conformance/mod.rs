//! Tests of the contract in `wit/documents.wit` against real stores, through [`Documents`].
//!
//! A case is a function that takes `&Documents` with an empty collection `events`. Every backend runs
//! the same cases. Where stores could differ, MongoDB's behaviour is correct. `conformance!` lists the
//! cases, and takes a backend's name and a function that creates its store. `edge_cases!` lists the
//! cases that fail on the stand-in for MongoDB.
//!
//! [`Documents`]: adapter_capabilities::documents::Documents

// Clippy allows helpers to panic only inside `cfg(test)`.
#[cfg(test)]
mod edge_cases;
#[cfg(test)]
mod filters;
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
                    an_array_matches_by_any_of_its_elements
                    a_path_crosses_arrays_of_objects
                    ne_negates_eq
                    in_matches_any_of_its_values
                    ranges_match_only_values_of_the_same_type
                    dates_are_compared_as_points_in_time
                    conditions_combine
                    ids_are_compared_as_text
                    any_text_works_as_field_name_and_value
                    in_accepts_a_thousand_values;
                nulls:
                    null_equals_missing
                    null_matches_along_every_path
                    exists_distinguishes_null_from_missing;
                rejections:
                    collections_outside_the_grant_are_denied
                    unknown_operators_are_reported_by_name
                    hostile_names_are_rejected
                    invalid_documents_are_reported_by_position
                    inputs_over_the_limits_are_too_large;
                results:
                    documents_are_returned_whole
                    order_is_by_type_then_value
                    arrays_sort_by_smallest_or_largest_element
                    ties_are_ordered_by_id
                    skip_and_limit_select_a_page
                    results_have_at_most_1000_entries
                    a_result_above_the_byte_limit_is_too_large
                    counts_are_ordered_by_frequency
                    distinct_count_ignores_null;
                updates:
                    fields_are_set_incremented_and_removed
                    each_matching_document_is_updated_once
                    concurrent_increments_add_up
                    a_failed_update_changes_nothing;
                volume:
                    unusual_field_names_are_kept
                    the_deepest_document_is_found_and_updated
                    the_largest_document_is_returned_whole
                    ten_thousand_documents_are_paged_updated_and_removed;
                writes:
                    the_same_id_is_stored_once
                    one_document_is_stored_once
                    the_first_of_two_duplicates_in_one_call_is_stored
                    overlapping_inserts_store_each_document_once
                    an_empty_insert_succeeds
                    large_inserts_are_stored_whole
                    positions_are_above_what_was_settled_before
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

/// On the stand-in a case must fail, so that the list of its gaps stays accurate.
macro_rules! edge_cases {
    ($($case:ident)+) => {
        mod edge_cases_jsonb {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents(&["events"]).await;
                    super::edge_cases::$case(&documents).await;
                }
            )+
        }

        mod edge_cases_jsonb_with_indexes {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents_with_indexes(&["events"]).await;
                    super::edge_cases::$case(&documents).await;
                }
            )+
        }

        mod edge_cases_mongodb {
            $(
                #[tokio::test]
                async fn $case() {
                    let documents = crate::support::documents_in_mongodb(&["events"]).await;
                    let case = super::edge_cases::$case(&documents);
                    if documents.are_in_stand_in().await {
                        super::shorthand::assert_fails(case).await;
                    } else {
                        case.await;
                    }
                }
            )+
        }
    };
}

edge_cases! {
    integers_beyond_double_precision_are_distinct
    text_beyond_the_bmp_is_ordered_by_bytes
    a_path_does_not_cross_nested_arrays
    null_does_not_match_inside_nested_arrays
    null_does_not_match_in_arrays_without_objects
    exists_false_matches_only_without_any_such_element
    unset_does_not_cross_arrays
    arrays_are_counted_as_whole_values
}
