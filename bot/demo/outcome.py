"""What the demo leaves behind: the pictures beside the base's, the LoRA, the grid, the page and `report.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.demo.story import Told
from bot.report import (
    REPORT_NAME,
    EpochEntry,
    PhotosEntry,
    PictureEntry,
    RefusedPhoto,
    Report,
    SecondsEntry,
    relative,
    write_png,
    write_report,
    write_whole,
)
from engine.protocol import Recipe
from storage.records import Dataset, Job, Picture, Run, Scope
from storage.states import JobKind, PhotoState
from storage.store import Store


@dataclass(frozen=True)
class Outcome:
    """Reads what the story left in the store and writes it out in clear, under `out`."""

    store: Store
    scope: Scope
    out: Path

    async def write(self, told: Told, members: tuple[int, ...], base: Path, seconds: float) -> Report:
        subject = (await self.store.subjects.list(self.scope))[0]
        dataset = (await self.store.datasets.of_subject(self.scope, subject.id))[0]
        run = (await self.store.runs.of_dataset(self.scope, dataset.id))[0]
        lora = await self.store.loras.of_run(self.scope, run.id)
        ballot = await self.store.ballots.of_run(self.scope, run.id)
        epochs = await self._epochs(run, dataset.key_id)
        painted = [p for member in members for p in await self.store.pictures.of_member(self.scope, member)]
        pictures = await self._pictures(painted)
        if told.grid:
            write_png(told.grid, self.out / "grid.png")
        if lora is not None:
            weights = await self.store.blobs.get(self.scope, lora.key_id, lora.sha256)
            write_whole(self.out / "lora.safetensors", weights)
        report = Report(
            photos=await self._photos(dataset),
            trigger=run.trigger,
            base=relative(base, self.out),
            recipe=Recipe.model_validate(dict(run.recipe)),
            epochs=epochs,
            suggested=run.suggested,
            reason=run.reason,
            votes=await self.store.ballots.tally(self.scope, ballot.id) if ballot else {},
            winner=ballot.winner if ballot else None,
            lora="lora.safetensors" if lora else None,
            pictures=pictures,
            seconds=await self._seconds(dataset, run, {picture.job_id for picture in painted}, seconds),
        )
        write_report(report, self.out / REPORT_NAME)
        return report

    async def _photos(self, dataset: Dataset) -> PhotosEntry:
        photos = await self.store.photos.list(self.scope, dataset.id)
        refused = [RefusedPhoto(name=p.given_name, reason=p.reason) for p in photos if p.state is PhotoState.REFUSED]
        kept = sum(p.state is PhotoState.KEPT for p in photos)
        return PhotosEntry(given=len(photos), kept=kept, refused=tuple(refused))

    async def _epochs(self, run: Run, key_id: str) -> tuple[EpochEntry, ...]:
        folder = self.out / "epochs"
        folder.mkdir(exist_ok=True)
        entries: list[EpochEntry] = []
        for epoch in await self.store.epochs.list(self.scope, run.id):
            if epoch.lora_sha256 is None:
                continue
            file = folder / f"{run.trigger}-{epoch.number:06d}.safetensors"
            write_whole(file, await self.store.blobs.get(self.scope, key_id, epoch.lora_sha256))
            entries.append(
                EpochEntry(
                    epoch=epoch.number,
                    loss=epoch.loss,
                    likeness=epoch.likeness,
                    fidelity=epoch.fidelity,
                    memorising=epoch.memorising,
                    leakage=epoch.leakage,
                    bleed=epoch.bleed,
                    file=relative(file, self.out),
                )
            )
        return tuple(entries)

    async def _pictures(self, found: list[Picture]) -> tuple[PictureEntry, ...]:
        """Every picture painted with a LoRA, with the base's of the same prompt and seed where there is one."""
        bare = {(p.prompt, p.seed): p for p in found if p.lora_id is None}
        folder = self.out / "pictures"
        folder.mkdir(exist_ok=True)
        entries: list[PictureEntry] = []
        for number, picture in enumerate((p for p in found if p.lora_id is not None), 1):
            file = await self._picture(picture, folder / f"{number:02d}.png")
            twin = bare.get((picture.prompt, picture.seed))
            base_file = await self._picture(twin, folder / f"{number:02d}-base.png") if twin else None
            entries.append(PictureEntry(prompt=picture.prompt, seed=picture.seed, file=file, base_file=base_file))
        return tuple(entries)

    async def _picture(self, picture: Picture, file: Path) -> str:
        write_whole(file, await self.store.blobs.get(self.scope, picture.key_id, picture.sha256))
        return relative(file, self.out)

    async def _seconds(self, dataset: Dataset, run: Run, painted: set[str], total: float) -> SecondsEntry:
        """The engine's, from the rows of its jobs; `grid` is from the training's end to the open ballot."""
        reading = await self.store.jobs.of_dataset(self.scope, dataset.id, JobKind.PREPARE)
        training = await self.store.jobs.of_run(self.scope, run.id)
        painting = [await self.store.jobs.get(self.scope, job_id) for job_id in painted]
        ballot = await self.store.ballots.of_run(self.scope, run.id)
        grid = ballot.opened_at - training.ended_at if ballot and training and training.ended_at else 0
        return SecondsEntry(
            prepare=sum(map(_spent, reading)),
            train=round(run.seconds, 1),
            grid=max(0, grid),
            paint=sum(map(_spent, painting)),
            total=round(total, 1),
        )


def _spent(job: Job) -> float:
    return job.ended_at - job.started_at if job.started_at is not None and job.ended_at is not None else 0.0
