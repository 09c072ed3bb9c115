"""Fields that only forks of Caffe have, so that a message about an unknown field can say where it comes from."""

from __future__ import annotations

_FIELDS = {
    "SSD": """
        norm_param permute_param prior_box_param detection_output_param multibox_loss_param annotated_data_param
        detection_evaluate_param video_data_param resize_param expand_param noise_param distort_param emit_constraint
        TransformationParameter.resize_param
    """,
    "Fast and Faster R-CNN": "roi_pooling_param smooth_l1_loss_param",
    "R-FCN": "psroi_pooling_param box_annotator_ohem_param",
    "PVANet": "proposal_param",
    "DeepLab": """
        interp_param seg_accuracy_param mat_read_param mat_write_param dense_crf_param domain_transform_param
        unique_label_param hole
    """,
    "SegNet, ENet, PSPNet and ICNet": "bn_param upsample_param dense_image_data_param",
    "MobileNet ports": "relu6",
    "ShuffleNet": "shuffle_channel_param",
    "CRF-RNN": "multi_stage_meanfield_param",
    "FlowNet 2": """
        correlation_param resample_param flow_warp_param augmentation_param coeff_schedule_param l1_loss_param diag_val
    """,
    "YOLO ports": "reorg_param region_loss_param yolo_detection_output_param eval_detection_param",
    "OpenPose": "cpm_transform_param imresize_param nms_param",
    "CRNN and OCR ports": "ctc_loss_param transpose_param reverse_param lstm_param",
    "caffe-face and SphereFace": "center_loss_param margin_inner_product_param",
    "NVCaffe and DIGITS": "scale_bias detectnet_groundtruth_param detectnet_augmentation_param raw_data",
    "Intel Caffe": """
        multinode avg_include_pad use_weight_bias relu quantization_param scale_params space_to_depth_param
        depth_to_space_param
    """,
}

FORK_OF_FIELD = {name: fork for fork, names in _FIELDS.items() for name in names.split()}
