"""Weights in and out: checkpoints of other implementations as ours, and ours as theirs.

    network --leaves_of--> [Leaf]          ours, by names and shapes alone
    file --open_checkpoint--> Checkpoint --their_leaves--> [Leaf]
    theirs --shared_layers--> those that stand in the file twice
    network --structure_of--> Structure    what runs before what
    both --paired by Evidence, or a map file--> WeightMap --plan--> which tensor of theirs is which of ours
    plan --import_weights--> model.safetensors;  --export_weights--> a state dict of theirs

What pairs layers and reads maps loads no torch; what reads and writes tensors does.
"""
