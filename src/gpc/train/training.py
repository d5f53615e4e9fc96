"""One run under way: its epochs, its looks at the clock between steps, its end."""

import contextlib
import math
import time

from gpc.train import feeding, keeping, setup, state, writing
from gpc.train.averaging import Average
from gpc.train.devices import fitting, synchronize
from gpc.train.run import Diverged, NotANumber, Paused, Progress, Run
from gpc.train.terminal import Bar, epoch_line, score, span

LOOK_SECONDS = 10.0  # how often a running epoch is asked whether its loss is still a number


class Training:
    """One run under way: the model, where it stands, and where it is kept."""

    def __init__(self, model, data, recipe, *, seed, store, say, about, devices):
        setup.seeded(seed, deterministic=about["deterministic"])
        self.initial = "built after seeding" if not hasattr(model, "weights") else "given"
        self.model, self.data, self.recipe, self.seed = setup.built(model, recipe), data, recipe, seed
        self.store, self.say, self.about, self.devices = store, say, about, devices
        self.scale = setup.checked(self.model, data, recipe)
        self.train = feeding.subset(data.train, recipe.subset, seed)
        fitting(devices, batch_size=recipe.batch_size, images=len(self.train))
        self.steps = -(-devices.even(len(self.train)) // recipe.batch_size)
        self.rates = recipe.learning_rates(self.steps)
        setup.compiled(self.model, recipe, self.rates)
        self.identity = self._identity()
        if devices.count > 1:
            synchronize(self.model)
        self.progress, self.best, self.partial = Progress(), None, None
        self.average = Average(recipe.ema) if recipe.ema else None
        self.epochs_here = 0
        self.bar, self.every, self.deadline, self.stop = Bar(), (math.inf, None), None, None

    def _identity(self):
        import keras

        return {
            "recipe": self.recipe.as_dict(),
            "seed": self.seed,
            "data": {"name": self.data.name, "fingerprint": self.data.fingerprint},
            "model": state.signature(self.model),
            "backend": keras.backend.backend(),
            **({"devices": self.devices.count} if self.devices.count > 1 else {}),
        }

    # -- the whole run

    def go(self, *, resume, records, test):
        """Resumes if it can, trains what is left, opens the test split, writes the record."""
        target = writing.reserve(records, self) if records is not None else None
        if self.store is not None and resume:
            keeping.resume(self)
        elif self.store is not None:
            self.store.clear()
        self.clock = self.saved = self.looked = time.monotonic()
        if self.progress.metrics is None:
            with keeping.interruptible(self):
                self._epochs()
        if self.progress.status == "paused":
            return self._run(None, None)
        if self.progress.metrics is None:
            self._finish(test)
        elif test and self.progress.metrics["test"] is None:  # the run was first asked for without it
            self._close(self.progress.metrics, test)
        run = self._run(*writing.keep(self, target))
        if self.stop is not None:  # it came in the last step: all is kept, and what called does not go on
            raise KeyboardInterrupt(self.stop)
        return run

    def _run(self, record, path):
        now = self.progress
        # Compiled anew at a plain rate: the table belongs to this run, and saved with the model it would ask
        # whoever loads that for this package.
        setup.compiled(self.model, self.recipe, self.recipe.learning_rate)
        return Run(self.model, now.status, now.reason, tuple(now.rows), now.metrics or {}, record, path)

    def _epochs(self):
        try:
            while self.progress.status == "running" and len(self.progress.rows) < self.recipe.epochs:
                self._epoch(len(self.progress.rows))
        except Paused:
            self.bar.clear()
            self.progress.status = "paused"
            if self.stop is not None:
                raise KeyboardInterrupt(self.stop) from None
            done = f"{len(self.progress.rows)} of {self.recipe.epochs} epochs are done"
            self.say(f"paused: the minutes are over, {done}; run it again to go on")

    # -- one epoch

    def _epoch(self, epoch):
        from gpc.train._keras import Pulse

        start = self.progress.step - epoch * self.steps
        feed = feeding.epoch(self, epoch, start)
        if self.epochs_here == 0:
            self.bar.wait("the first step is being compiled …")
        self.epochs_here += 1
        pulse = Pulse(
            self._begin, lambda: self._first(epoch), lambda model, done: self._tick(model, start + done)
        )
        try:
            self.model.fit(
                feed, epochs=epoch + 1, initial_epoch=epoch, shuffle=False, verbose=0, callbacks=[pulse]
            )
        except NotANumber:
            return self._diverge(epoch)
        finally:
            feed.close()
        found = self.model.get_metrics_result()
        if not math.isfinite(float(found["loss"])):
            return self._diverge(epoch)
        self._close_epoch(epoch, {key: float(value) for key, value in found.items()})

    def _begin(self, model):
        """Keras has just set the metrics to zero: a resumed epoch's sums go back in."""
        if self.partial is not None:
            state.restore(model, self.partial)

    def _first(self, epoch):
        """When Keras has drawn what it draws to make batches: what dropout draws from is set, or put back."""
        if self.partial is None:
            state.begin_generators(self.seed, epoch)
        elif any(key.startswith("generator/") for key in self.partial):
            state.put_generators(self.partial)
        self.partial = None

    def _tick(self, model, done):
        """Between two steps: the bar, a look at the loss, a checkpoint when due, the end when asked for."""
        now, epoch = time.monotonic(), len(self.progress.rows)
        self.progress.step = epoch * self.steps + done
        if self.average is not None and self.average.due(done):
            self.average.take(model(), self.progress.step, done)
        over = self.stop is not None or (self.deadline is not None and now >= self.deadline)
        minutes, steps = self.every
        due = now - self.saved >= minutes or (steps is not None and done % steps == 0)
        if over or due or self.bar.due() or now - self.looked >= LOOK_SECONDS:
            self.looked = now
            self._look(model(), epoch, done)
        if over or due:
            self._save(model())
        if over:
            raise Paused

    def _look(self, model, epoch, done):
        found = model.get_metrics_result()
        loss, accuracy = float(found["loss"]), float(found["accuracy"])
        if not math.isfinite(loss):
            raise NotANumber
        if self.bar.due():
            spent = self.progress.epoch_seconds + time.monotonic() - self.clock
            left = spent * (self.steps - done) / done
            self.bar.show(epoch + 1, done, self.steps, loss=loss, accuracy=accuracy, left=left)

    def _close_epoch(self, epoch, found):
        self.progress.step = (epoch + 1) * self.steps
        if self.average is not None:
            self.average.take(self.model, self.progress.step, self.steps)
        with self._averaged():
            validation = self._evaluate(self.data.validation)
            weights = state.weights(self.model)
        self._account()
        row = {"epoch": epoch + 1, "learning_rate": float(self.rates[epoch * self.steps]), **found}
        row |= {f"val_{key}": value for key, value in validation.items()} | {
            "seconds": self.progress.epoch_seconds
        }
        self.progress.rows.append(row)
        self.progress.epoch_seconds = 0.0
        if best := self._is_best(row):
            self.progress.best_epoch, self.best = epoch + 1, weights
        self.bar.clear()
        self.say(epoch_line(row, self.recipe.epochs, left=self._left(), best=best))
        self._save(self.model)
        if len(self.progress.rows) < self.recipe.epochs and (self.stop or self._late()):
            raise Paused

    def _late(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _averaged(self):
        """Within it the model has the weights that are scored and kept: the average, where there is one."""
        return self.average.lent(self.model) if self.average is not None else contextlib.nullcontext()

    def _is_best(self, row):
        by_loss, score = self.recipe.select == "best-validation-loss", "dice" if self.recipe.maps else "accuracy"
        key, sign = ("val_loss", -1) if by_loss else (f"val_{score}", 1)
        if not math.isfinite(row[key]):
            return self.best is None
        past = [sign * one[key] for one in self.progress.rows[:-1] if math.isfinite(one[key])]
        return not past or sign * row[key] > max(past)

    def _left(self):
        rows = self.progress.rows
        return (self.recipe.epochs - len(rows)) * sum(one["seconds"] for one in rows) / len(rows)

    def _evaluate(self, split):
        return feeding.scores(self, split)

    # -- the end

    def _diverge(self, epoch):
        rate = self.rates[min(self.progress.step, len(self.rates) - 1)]
        reason = f"the loss is no number any more in epoch {epoch + 1}, at a learning rate of {rate:.2e}"
        self.bar.clear()
        if self.best is None:
            raise Diverged(
                f"{reason}, and there is no epoch before it to keep; lower learning_rate, or clip_norm=1.0"
            )
        self.progress.status, self.progress.reason = "diverged", reason
        self.say(f"warning: {reason}; the best so far, epoch {self.progress.best_epoch}, is kept")

    def _finish(self, test):
        now = self.progress
        chosen = len(now.rows) if self.recipe.select == "last" and now.status == "running" else now.best_epoch
        if chosen == now.best_epoch:
            state.put_weights(self.model, self.best)
        elif self.average is not None:
            self.average.put(self.model)
        row = now.rows[chosen - 1]
        found = {"best_epoch": chosen, "test": None}
        found["train"] = {key: row[key] for key in self.recipe.scores}
        found["val"] = {key: row[f"val_{key}"] for key in self.recipe.scores}
        self._close(found, test)

    def _close(self, found, test):
        """The test split opened where it is to be, the run's state kept, its end told."""
        now = self.progress
        if test:
            now.test_openings += 1
            self._save(self.model)  # before the door opens: an opening that a kill cuts short counts as well
            found["test"] = self._evaluate(self.data.open_test())
        now.metrics = found
        now.status = "finished" if now.status == "running" else now.status
        self._account()
        self._save(self.model)
        self._say_end(found)

    def _say_end(self, found):
        told = f", test {score(found['test'])}" if found["test"] else ""
        val = f"epoch {found['best_epoch']}, validation {score(found['val'])}"
        self.say(f"{self.progress.status}: {val}{told}, {span(self.progress.seconds)}")

    # -- what is kept

    def _account(self):
        now = time.monotonic()
        self.progress.seconds += now - self.clock
        self.progress.epoch_seconds += now - self.clock
        self.clock = now

    def _save(self, model):
        self._account()
        self.saved = time.monotonic()
        if self.store is not None:
            keeping.save(self, model)
