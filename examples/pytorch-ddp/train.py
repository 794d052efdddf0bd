"""Train a classifier of handwritten digits with DistributedDataParallel; torchrun tells each process its part.

Each pod keeps the latest state in a folder of its own. When torchrun has started the processes again, because one has
failed or a pod has come or gone, they agree on the newest state that any of them has and go on from there.
"""

import argparse
import os
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

BATCH_SIZE = 16
DIGITS = Path(__file__).with_name("digits.csv.gz")
"""One line for each image: 64 shades of grey from 0 to 16, then the digit."""


def digits() -> tuple[TensorDataset, torch.Tensor, torch.Tensor]:
    """Return the digits to train with, and images and labels of those to score the model with."""
    table = torch.from_numpy(numpy.loadtxt(DIGITS, delimiter=",", dtype=numpy.float32))
    table = table[torch.randperm(len(table), generator=torch.Generator().manual_seed(0))]
    images, labels = table[:, :-1] / 16, table[:, -1].long()
    tested = len(table) // 4
    return TensorDataset(images[tested:], labels[tested:]), images[:tested], labels[:tested]


def state_of(epoch: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return all that a process needs to go on after an epoch."""
    return {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}


def keep(state: dict[str, Any], file: Path) -> None:
    """Write a state; an interruption leaves the one before."""
    part = file.with_suffix(".part")
    torch.save(state, part)
    part.replace(file)


def take_newest(mine: dict[str, Any]) -> dict[str, Any]:
    """Return the state of the rank that has come furthest, the same for every rank."""
    epochs: list[int] = [0] * distributed.get_world_size()
    distributed.all_gather_object(epochs, mine["epoch"])
    newest = epochs.index(max(epochs))
    box = [mine if distributed.get_rank() == newest else None]
    distributed.broadcast_object_list(box, src=newest)
    assert box[0] is not None
    return box[0]


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, batches: DataLoader[Any]) -> float:
    """Train with this rank's share of the digits and return the loss, averaged over all ranks."""
    total = torch.zeros(2)
    for images, labels in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total += torch.tensor([loss.item(), 1.0])
    distributed.all_reduce(total)
    return float(total[0] / total[1])


def main() -> None:
    """Train together with the other processes; rank 0 prints each epoch's loss and at the end the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--checkpoints", type=Path, required=True, help="a folder of this pod's own")
    parser.add_argument("--model", type=Path, help="the file in which rank 0 keeps the weights at the end")
    parser.add_argument("--seconds-per-epoch", type=float, default=0, help="rest after each epoch")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    distributed.init_process_group(os.environ["TRAININGJOB_TORCH_BACKEND"], timeout=timedelta(minutes=2))
    rank, size = distributed.get_rank(), distributed.get_world_size()
    first_of_pod = int(os.environ.get("LOCAL_RANK", "0")) == 0

    training, test_x, test_y = digits()
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    arguments.checkpoints.mkdir(parents=True, exist_ok=True)
    file = arguments.checkpoints / "latest.pt"
    state = take_newest(torch.load(file) if file.exists() else state_of(0, network, optimizer))
    network.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"rank {rank} of {size} on {socket.gethostname()} goes on after epoch {state['epoch']}", flush=True)

    model = DistributedDataParallel(network)
    sampler = DistributedSampler(training)
    batches = DataLoader(training, batch_size=BATCH_SIZE, sampler=sampler)
    for epoch in range(state["epoch"] + 1, arguments.epochs + 1):
        sampler.set_epoch(epoch)
        loss = train_epoch(model, optimizer, batches)
        if first_of_pod:
            keep(state_of(epoch, network, optimizer), file)
        if rank == 0:
            print(f"epoch={epoch} loss={loss:.4f} ranks={size}", flush=True)
        time.sleep(arguments.seconds_per_epoch)

    if rank == 0:
        with torch.no_grad():
            read = network(test_x).argmax(dim=1)
        if arguments.model:
            torch.save(network.state_dict(), arguments.model)
        print(f"misread={(read != test_y).nonzero().flatten().tolist()}")
        print(f"accuracy={(read == test_y).float().mean().item():.4f}", flush=True)
    # Everything is said and written. Taking the group apart, as Python also does at its end, may stand still in old
    # versions of PyTorch: it waits with Python's lock held for threads of gloo that may need it. So nothing is.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
