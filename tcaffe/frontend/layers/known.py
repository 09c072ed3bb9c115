"""Layer types that exist elsewhere: all of Caffe's own, and those of its forks, to explain what is missing."""

from __future__ import annotations

_CAFFE = """
    AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat ContrastiveLoss Convolution Crop Data
    Deconvolution Dropout DummyData ELU Eltwise Embed EuclideanLoss Exp Filter Flatten HDF5Data HDF5Output HingeLoss
    Im2col ImageData InfogainLoss InnerProduct Input LRN LSTM LSTMUnit Log MVN MemoryData MultinomialLogisticLoss
    PReLU Parameter Pooling Power Python RNN ReLU Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence
    Slice Softmax SoftmaxWithLoss Split Swish TanH Threshold Tile WindowData
"""

CAFFE_TYPES = frozenset(_CAFFE.split())

_FORKS = {
    "SSD": """
        Normalize Permute PriorBox DetectionOutput MultiBoxLoss AnnotatedData DetectionEvaluate VideoData
    """,
    "Fast and Faster R-CNN": "ROIPooling SmoothL1Loss",
    "R-FCN": "PSROIPooling BoxAnnotatorOHEM SoftmaxWithLossOHEM SmoothL1LossOHEM",
    "PVANet": "Proposal",
    "DeepLab": """
        Interp ImageSegData SegAccuracy MatRead MatWrite DenseCRF DomainTransform UniqueLabel
    """,
    "SegNet, ENet, PSPNet and ICNet": "BN Upsample DenseImageData",
    "MobileNet ports": "ConvolutionDepthwise DepthwiseConvolution ReLU6 HardSwish",
    "ShuffleNet": "ShuffleChannel",
    "SENet": "Axpy",
    "CRF-RNN": "MultiStageMeanfield",
    "FlowNet 2": "Correlation Resample FlowWarp ChannelNorm DataAugmentation L1Loss",
    "YOLO ports": """
        Reorg RegionLoss YoloV2Loss YoloV3Loss YoloDetectionOutput EvalDetection UpsampleDarknet
    """,
    "OpenPose": "CPMData ImResize Nms",
    "CRNN and OCR ports": "CtcLoss CTCLoss ContinuationIndicator LabelsequenceAccuracy Reverse Transpose",
    "caffe-face and SphereFace": "CenterLoss MarginInnerProduct",
    "NVCaffe and DIGITS": "DetectNetTransformation",
    "Intel Caffe": "SpaceToDepth DepthToSpace",
    "Synopsys": """
        Add BatchToSpaceND Mul ResizeBilinear ResizeNearestNeighbor SpaceToBatchND Squeeze
    """,
}

FORK_OF_TYPE = {name: fork for fork, names in _FORKS.items() for name in names.split()}
