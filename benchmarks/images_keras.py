"""The Keras side of `images.py`, which runs it in an environment of its own: `images_keras.py DATA.npz SEED THREADS`.

Network and settings are those of Keras's example "Simple MNIST convnet" (F. Chollet, 2015,
https://keras.io/examples/vision/mnist_convnet): two convolutions of 32 and 64 filters, each with a max-pooling,
dropout of a half, a dense layer; Adam, batches of 128, 15 epochs. It gets all training images, without the tenth that
the example validates on.

It speaks with its parent line by line: on "go" it trains for some batches, and answers CPU seconds, wall seconds and
test accuracy.
"""

from __future__ import annotations

import os
import sys
import time

DATA, SEED, THREADS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

BATCH_SIZE, EPOCHS, IMAGES_BETWEEN_SCORES = 128, 15, 7_680

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(THREADS)
keras.utils.set_random_seed(SEED)


def network(shape: tuple[int, ...], num_classes: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(shape=shape),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )


class Reporter(keras.callbacks.Callback):
    """Scores and waits between batches, with the clocks stopped."""

    def __init__(self, test_images: np.ndarray, test_labels: np.ndarray) -> None:
        super().__init__()
        self.test_images, self.test_labels = test_images, test_labels
        self.seen, self.next_score = 0, IMAGES_BETWEEN_SCORES
        self.cpu = self.wall = 0.0
        self.start()

    def start(self) -> None:
        self.started = time.process_time(), time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        del batch, logs
        self.seen += BATCH_SIZE
        if self.seen < self.next_score:
            return
        self.cpu += time.process_time() - self.started[0]
        self.wall += time.perf_counter() - self.started[1]
        self.next_score += IMAGES_BETWEEN_SCORES
        outputs = np.concatenate(
            [
                self.model(self.test_images[i : i + 1000], training=False)
                for i in range(0, len(self.test_images), 1000)
            ]
        )
        accuracy = 100 * float((outputs.argmax(1) == self.test_labels).mean())
        print(self.cpu, self.wall, accuracy, flush=True)
        if sys.stdin.readline().strip() != "go":
            os._exit(0)
        self.start()


def main() -> None:
    with np.load(DATA) as data:
        train, labels, test, test_labels = (data[name] for name in ("train", "labels", "test", "test_labels"))
    num_classes = int(labels.max()) + 1
    model = network(train.shape[1:], num_classes)
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    sys.stdin.readline()
    reporter = Reporter(test.astype("float32") / 255, test_labels)
    images, targets = train.astype("float32") / 255, keras.utils.to_categorical(labels, num_classes)
    model.fit(images, targets, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0, callbacks=[reporter])


if __name__ == "__main__":
    main()
