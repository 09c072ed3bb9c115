"""What only forks of Caffe have: fields and enum values by fork, and what becomes of them here.

Many forks add fields to the messages of Caffe's own layers. Those that a layer rule reads (`LayerView.foreign`) are
kept, those without effect on what a net computes are kept and told of, and all others are errors that name the fork.

A field that is common elsewhere stands with its message type, `PoolingParameter.pad_l`; an enum value behind its
field, `pool=AVE_EXC_PAD`.
"""

from __future__ import annotations

_NAMES = {
    "SSD": """
        norm_param permute_param prior_box_param detection_output_param multibox_loss_param annotated_data_param
        detection_evaluate_param video_data_param resize_param distort_param expand_param emit_constraint
        SolverParameter.eval_type SolverParameter.ap_version
    """,
    "Faster R-CNN": "roi_pooling_param smooth_l1_loss_param",
    "R-FCN": "psroi_pooling_param box_annotator_ohem_param pre_fixed_normalizer normalization=PRE_FIXED",
    "PVANet": "proposal_param",
    "DeepLab": """
        interp_param seg_accuracy_param mat_read_param mat_write_param dense_crf_param domain_transform_param
        unique_label_param label_type scale_factors ConvolutionParameter.hole
    """,
    "SegNet": "upsample_param dense_image_data_param weight_by_label_freqs",
    "SegNet or PSPNet": "bn_param",
    "SPP-net": """
        spatial_pyramid_pooling_param spatial_pyramid_pooling_data_param type=SPATIAL_PYRAMID_POOLING
        type=SPATIAL_PYRAMID_POOLING_DATA
    """,
    "ShuffleNet": "shuffle_channel_param",
    "CRF-RNN": "multi_stage_meanfield_param",
    "FlowNet 2": """
        correlation_param resample_param flow_warp_param augmentation_param coeff_schedule_param l1_loss_param
        FillerParameter.diag_val
    """,
    "YOLO": """
        reorg_param region_loss_param yolo_v2_loss_param yolo_v3_loss_param yolo_detection_output_param
        eval_detection_param caffe_yolo DataParameter.side
    """,
    "OpenPose": "cpm_transform_param imresize_param nms_param",
    "CRNN": "ctc_loss_param transpose_param reverse_param",
    "SphereFace": "center_loss_param margin_inner_product_param",
    "NVIDIA": "scale_bias detectnet_groundtruth_param detectnet_augmentation_param raw_data",
    "Intel": """
        quantization_param random_resize_param random_aspect_ratio_param bn_stats_batch_size conv_algorithm per_fla_fuse
        use_weight_bias avg_include_pad multinode engine engine=MKL2017 engine=MKLDNN BatchNormParameter.filler
        BatchNormParameter.bias_filler BatchNormParameter.relu ConvolutionParameter.relu DataParameter.shuffle
    """,
    "OpenCL": "fuse_type ConvolutionParameter.relu_param",
    "Synopsys": """
        ceil_mode
        ConvolutionParameter.pad_l ConvolutionParameter.pad_r ConvolutionParameter.pad_t ConvolutionParameter.pad_b
        PoolingParameter.pad_l PoolingParameter.pad_r PoolingParameter.pad_t PoolingParameter.pad_b
        PoolingParameter.pad_type pool=AVE_EXC_PAD relu6 resize_bilinear_param resize_nearest_neighbor_param
        space_to_batch_nd_param batch_to_space_nd_param squeeze_param
    """,
}

_FORK_OF = {name: fork for fork, names in _NAMES.items() for name in names.split()}

_READ = """
    LayerParameter.norm_param LayerParameter.permute_param LayerParameter.shuffle_channel_param
    LayerParameter.squeeze_param
    ConvolutionParameter.pad_l ConvolutionParameter.pad_r ConvolutionParameter.pad_t ConvolutionParameter.pad_b
    ConvolutionParameter.hole ConvolutionParameter.fuse_type ConvolutionParameter.relu_param
    PoolingParameter.pad_l PoolingParameter.pad_r PoolingParameter.pad_t PoolingParameter.pad_b
    PoolingParameter.ceil_mode PoolingParameter.avg_include_pad pool=AVE_EXC_PAD
    ReLUParameter.relu6 ConcatParameter.per_fla_fuse
"""

_IMPLEMENTATION = "it chooses between implementations of the same function"
_STORED_DATA = "it prepares stored data, and a graph takes the data it is fed as it is"
_START = "it says what weights hold before they are loaded or learned"

_WITHOUT_EFFECT = {
    "LayerParameter.engine": _IMPLEMENTATION,
    "LayerParameter.quantization_param": "it is about 8-bit arithmetic, and all is computed in floating point",
    "engine=MKL2017": _IMPLEMENTATION,
    "engine=MKLDNN": _IMPLEMENTATION,
    "BatchNormParameter.engine": _IMPLEMENTATION,
    "BatchNormParameter.filler": _START,
    "BatchNormParameter.bias_filler": _START,
    "ConcatParameter.engine": _IMPLEMENTATION,
    "ConvolutionParameter.conv_algorithm": _IMPLEMENTATION,
    "DataParameter.shuffle": _STORED_DATA,
    "EltwiseParameter.engine": _IMPLEMENTATION,
    "InnerProductParameter.engine": _IMPLEMENTATION,
    "TransformationParameter.random_aspect_ratio_param": _STORED_DATA,
    "TransformationParameter.random_resize_param": _STORED_DATA,
}

_KEPT = frozenset((*_READ.split(), *_WITHOUT_EFFECT))


def fork_note(name: str, owner: str = "") -> str:
    """A sentence on the fork that knows a field of the message type `owner`, or a value `field=NAME` of an enum.

    It is empty if none does.
    """
    fork = _FORK_OF.get(f"{owner}.{name}") or _FORK_OF.get(name)
    return f"`{name.rpartition('=')[2]}` is from the {fork} fork" if fork else ""


def is_kept(name: str, owner: str) -> bool:
    """Whether what it means is known, so that reading it is no error."""
    return not _KEPT.isdisjoint((name, f"{owner}.{name}"))


def without_effect(name: str, owner: str) -> str:
    """Why a field of the message type `owner`, or an enum value, changes no result; empty where it may."""
    return _WITHOUT_EFFECT.get(f"{owner}.{name}") or _WITHOUT_EFFECT.get(name, "")
