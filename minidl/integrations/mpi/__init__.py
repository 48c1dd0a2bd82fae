"""Training on several processes over MPI, with the package mpi4py."""

from minidl.integrations.mpi.trainer import ParallelTrainer

__all__ = ["ParallelTrainer"]
