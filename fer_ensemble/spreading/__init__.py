"""Prediction spread over the workers of a cluster: groups of inputs as tasks, parts of a table."""

from fer_ensemble.spreading.engines import ENGINES, ON_RAY, check_engine, check_means
from fer_ensemble.spreading.group_work import GroupWork
from fer_ensemble.spreading.parquet_parts import PartFolder, WrittenPart
from fer_ensemble.spreading.ray_tasks import predict_by_ray, write_by_ray

__all__ = [
    "ENGINES",
    "ON_RAY",
    "GroupWork",
    "PartFolder",
    "WrittenPart",
    "check_engine",
    "check_means",
    "predict_by_ray",
    "write_by_ray",
]
