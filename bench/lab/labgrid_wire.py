"""labgrid's wire: gRPC, with the messages that the coordinator describes itself by reflection."""

from typing import Any

from bench.errors import UsageError

VERSION = "26.0.1"
"""The release of labgrid whose wire this is."""
SERVICE = "labgrid.Coordinator"


def values_of(resource: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the parameters of a resource as Python values."""
    kinds = {name: value.WhichOneof("kind") for name, value in resource.params.items()}
    return {name: getattr(resource.params[name], kind) for name, kind in kinds.items() if kind}


def import_grpc() -> Any:  # noqa: ANN401
    """Return the module grpc.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import grpc
        import grpc_reflection.v1alpha  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"a lab of several hosts needs more packages: pip install 'nrf91-bench[lab]' ({error})"
        ) from error
    return grpc


def message_types(channel: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401
    """Return request and answer type of each method, as the coordinator's reflection describes them."""
    from google.protobuf import descriptor_pool, message_factory
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service = pool.FindServiceByName(SERVICE)
    return {
        method.name: (
            message_factory.GetMessageClass(method.input_type),
            message_factory.GetMessageClass(method.output_type),
        )
        for method in service.methods
    }
