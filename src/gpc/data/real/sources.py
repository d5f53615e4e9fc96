"""Where each downloaded set comes from: addresses, sizes and sums as their authors publish them.

MD5 of the archives and of CIFAR's members: https://www.cs.toronto.edu/~kriz/cifar.html and torchvision;
SHA-256 of CIFAR's archives: `keras.datasets`; MD5 of Fashion-MNIST's files: the README of
zalandoresearch/fashion-mnist. Lengths and SHA-256 of Oxford-IIIT Pet and PlantVillage: the checksums of
TensorFlow Datasets; MD5 of Oxford-IIIT Pet: torchvision. None is published for BBBC038.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A file of known name; length and sums if they are published, `address` if it can be downloaded."""

    name: str
    bytes: int | None
    md5: str | None
    sha256: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class Source:
    """A data set's official files: `members` lie in `folder`, all in one `archive` or each at its address.

    shapes   of the arrays in the members, in the order of `members`
    """

    name: str
    folder: str
    members: tuple
    archive: File | None
    shapes: tuple
    licence: str
    page: str

    @property
    def downloads(self):
        """The files to fetch."""
        return (self.archive,) if self.archive else self.members


_KRIZ = "https://www.cs.toronto.edu/~kriz/"
_ZALANDO = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_NO_LICENCE = (
    "none published; the authors ask to cite A. Krizhevsky, Learning Multiple Layers of Features, 2009"
)

CIFAR10 = Source(
    name="cifar10",
    folder="cifar-10-batches-py",
    members=(
        File("data_batch_1", 31035704, "c99cafc152244af753f735de768cd75f"),
        File("data_batch_2", 31035320, "d4bba439e000b95fd0a9bffe97cbabec"),
        File("data_batch_3", 31035999, "54ebc095f3ab1f0389bbae665268c751"),
        File("data_batch_4", 31035696, "634d18415352ddfa80567beed471001a"),
        File("data_batch_5", 31035623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        File("test_batch", 31035526, "40351d587109b95175f43aff81a1287e"),
        File("batches.meta", 158, "5ff9c542aee3614f3951f8cda6e48888"),
    ),
    archive=File(
        name="cifar-10-python.tar.gz",
        bytes=170498071,
        md5="c58f30108f718f92721af3b95e74349a",
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        address=_KRIZ + "cifar-10-python.tar.gz",
    ),
    shapes=((10000, 3072),) * 6,
    licence=_NO_LICENCE,
    page=_KRIZ + "cifar.html",
)

CIFAR100 = Source(
    name="cifar100",
    folder="cifar-100-python",
    members=(
        File("train", 155249918, "16019d7e3df5f24257cddd939b257f8d"),
        File("test", 31049707, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
        File("meta", 1473, "7973b15100ade9c7d40fb424638fde48"),
    ),
    archive=File(
        name="cifar-100-python.tar.gz",
        bytes=169001437,
        md5="eb9058c3a382ffc7106e4002c42a8d85",
        sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        address=_KRIZ + "cifar-100-python.tar.gz",
    ),
    shapes=((50000, 3072), (10000, 3072)),
    licence=_NO_LICENCE,
    page=_KRIZ + "cifar.html",
)


def _zalando(name, length, md5):
    return File(name, length, md5, address=_ZALANDO + name)


FASHION_MNIST = Source(
    name="fashion_mnist",
    folder="fashion-mnist",
    members=(
        _zalando("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        _zalando("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
        _zalando("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
        _zalando("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    archive=None,
    shapes=((60000, 28, 28), (60000,), (10000, 28, 28), (10000,)),
    licence="MIT, (c) 2017 Zalando SE",
    page="https://github.com/zalandoresearch/fashion-mnist",
)

_PETS = "https://thor.robots.ox.ac.uk/~vgg/data/pets/"
PETS_IMAGES = File(
    name="images.tar.gz",
    bytes=791918971,
    md5="5c4f3ee8e5d25df40f4fd59a7f44e54c",
    sha256="67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d",
    address=_PETS + "images.tar.gz",
)
PETS_ANNOTATIONS = File(
    name="annotations.tar.gz",
    bytes=19173078,
    md5="95a8c909bbe2e81eed6a22bccdf3f68f",
    sha256="52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91",
    address=_PETS + "annotations.tar.gz",
)
PLANTVILLAGE_MENDELEY = File(
    name="Plant_leaf_diseases_dataset_without_augmentation.zip",
    bytes=868032562,
    md5=None,
    sha256="ac3432453984d02a86197987e775a5429d0d59e7cc7c35bcf5a8f50349b90ff0",
    address="https://data.mendeley.com/public-files/datasets/tywbtsjrjv/files/"
    "d5652a28-c1d8-4b76-97f3-72fb80f94efc/file_downloaded",
)
NUCLEI = File(
    name="stage1_train.zip",
    bytes=None,
    md5=None,
    address="https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip",
)

SOURCES = {source.name: source for source in (CIFAR10, CIFAR100, FASHION_MNIST)}
