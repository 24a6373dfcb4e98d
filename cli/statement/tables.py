"""All tables of the statement by their names in it."""

from cli.assembly import association_policy
from cli.statement import (
    content_trees,
    created_kinds,
    parameters,
    query_keys,
    sop_classes,
    status_codes,
    terminology,
    web_resources,
)
from cli.statement.created_objects import build_everything
from cli.statement.example_studies import write_documents
from cli.statement.wire import listen_to_ourselves
from settings import Settings


def make_tables(settings: Settings) -> dict[str, str]:
    """The tables as of these settings."""
    return {**_services(settings), **_statuses(), **_objects(), **_content()}


def _services(settings: Settings) -> dict[str, str]:
    policy = association_policy(settings)
    heard = listen_to_ourselves(policy)
    return {
        "product": parameters.product(),
        "overview": sop_classes.overview(heard),
        "identification": parameters.identification(heard),
        "negotiation": parameters.negotiation(heard),
        "acceptor-limits": parameters.acceptor_limits(policy),
        "requestor-limits": parameters.requestor_limits(),
        "retries": parameters.retries(),
        "proposed-contexts": sop_classes.proposed_contexts(heard),
        "accepted-contexts": sop_classes.accepted_contexts(),
        "transfer-syntaxes": sop_classes.transfer_syntaxes(),
        "web-resources": web_resources.resources(policy),
        "web-limits": web_resources.limits(policy),
        "query-keys": query_keys.supported_keys(),
        "settings": parameters.settings_in_force(settings),
        "destination-settings": parameters.destination_settings(),
        "character-sets": parameters.character_sets(),
        "analysed-classes": sop_classes.analysed_classes(),
        "kept-classes": sop_classes.kept_classes(),
    }


def _statuses() -> dict[str, str]:
    return {
        "store-answers": status_codes.answers(status_codes.STORE_ANSWERS),
        "find-answers": status_codes.answers(status_codes.FIND_ANSWERS),
        "retrieve-answers": status_codes.answers(status_codes.RETRIEVE_ANSWERS),
        "commitment-answers": status_codes.answers(status_codes.COMMITMENT_ANSWERS),
        "failure-reasons": status_codes.failure_reasons(),
        "store-responses": status_codes.store_responses(),
        "query-responses": status_codes.query_responses(),
    }


def _objects() -> dict[str, str]:
    kinds = created_kinds.Kinds(build_everything())
    tables = {f"attributes-{kind.value}": kinds.attributes(kind) for kind in kinds.all}
    return {"created": kinds.overview(), "attributes-of-all": kinds.shared_attributes(), **tables}


def _content() -> dict[str, str]:
    documents = write_documents()
    everything = [*documents.reports, *documents.key_objects]
    return {
        "templates": content_trees.templates_table(everything),
        "report-content": content_trees.content_table(documents.reports),
        "selection-content": content_trees.content_table(documents.key_objects),
        "rejection-content": content_trees.content_table(documents.rejections),
        "codes": terminology.single_codes(),
        "word-codes": terminology.grouped_codes(),
        "private-scheme": terminology.private_scheme(),
    }
