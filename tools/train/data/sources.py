# SPDX-License-Identifier: Apache-2.0
"""The packages that pictures come from, one by one, with the licence of the pictures in them.

Only public domain, CC0, CC-BY, MIT, BSD, Apache and OFL. What a package holds under other licences (its build files,
its translations, further pictures) is not used.
"""
from typing import NamedTuple


class Source(NamedTuple):
    package: str
    registry: str  # "debian", "npm" or "github"
    licence: str
    holds: str           # a source of "photographs" on GitHub has no other pictures but those that NO_PHOTOGRAPH matches
    folders: tuple = ()  # of a GitHub repository; all that is fetched of it


SOURCES = (
    Source("budgie-backgrounds", "debian", "CC0-1.0", "photographs"),
    Source("python3-skimage", "debian", "public domain, CC0-1.0 (see SKIMAGE)", "photographs"),
    Source("python3-sklearn", "debian", "CC-BY-2.0 (danielbuechele, vultilion)", "photographs"),
    Source("blender-data", "debian", "CC0-1.0 (datafiles/studiolights/world)", "panoramas"),
    Source("@pmndrs/assets", "npm", "CC0-1.0", "panoramas"),
    Source("openclipart-png", "debian", "public domain", "cut-outs"),
    Source("fonts-noto-color-emoji", "debian", "OFL-1.1", "cut-outs"),
    Source("sweethome3d-furniture", "debian", "CC-BY-3.0, CC0-1.0", "cut-outs"),
    Source("freedoom", "debian", "BSD-3-Clause", "cut-outs, textures"),
    Source("@lobehub/fluent-emoji-3d", "npm", "MIT", "cut-outs"),
    # Released as CC0 in September 2020, as LICENSE.md and the head of each file say; the program beside it is not used.
    Source("makehumancommunity/makehuman", "github", "CC0-1.0 (base mesh, skeleton, targets)", "people",
           ("makehuman/data/3dobjs", "makehuman/data/rigs", "makehuman/data/targets/macrodetails")),
    Source("makehumancommunity/makehuman-assets", "github", "CC0-1.0", "clothes and hair", ("base/clothes", "base/hair")),
    Source("Azure-Samples/cognitive-services-sample-data-files", "github", "MIT", "photographs",
           ("ComputerVision", "CustomVision", "Face")),
    Source("MicrosoftLearning/mslearn-ai-vision", "github", "MIT", "photographs", ("Labfiles",)),
    Source("LukeSmithxyz/based.cooking", "github", "public domain", "photographs", ("static/pix",)),
    # The pictures in this folder are of Open Images V4.
    Source("PacktPublishing/Machine-Learning-with-Apache-Spark-Quick-Start-Guide", "github", "CC-BY-2.0", "photographs",
           ("Chapter07/data/image-recognition-data",)),
    Source("mdn/learning-area", "github", "CC0-1.0", "photographs", ("accessibility", "css", "html", "javascript")),
    Source("mdn/interactive-examples", "github", "CC0-1.0", "photographs, video", ("live-examples/media",)),
    Source("intel-iot-devkit/sample-videos", "github", "CC-BY-4.0", "video"),
)

# Of python3-skimage only what skimage/data/_fetchers.py calls public domain, CC0 or free of known restrictions.
SKIMAGE = ("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "grass.png", "gravel.png",
           "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg")

# What these repositories hold beside photographs, and further sizes of the same ones.
NO_PHOTOGRAPH = (r"clipart|drawing|text\.|MultiLingual|type-image|unstitched|ocr/|bitcoin|monero|mystery|mango|header|"
                 r"logo|moon|dinosaur|leopardskin|colors|/map|background|firefox|pattern|poster|_th\.|-small|"
                 r"elva-(fairy-)?(320|480|640)w\.|elva-fairy-original|red-panda-l|tomato|corned|mushy|refried|chickenn|"
                 r"video-generation|screenshot|/icons?/")
