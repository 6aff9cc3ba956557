"""A Dask cluster for ``autograde grade --scheduler`` on Slurm; it lives as long as this script runs.

pip install dask-jobqueue
python docs/cluster/slurm.py --workers 16 --partition short
"""

import argparse
import os
import signal

from dask_jobqueue import SLURMCluster


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=8, help="notebooks at a time")
    parser.add_argument("--partition", help="default: the cluster's own")
    parser.add_argument("--walltime", default="02:00:00")
    options = parser.parse_args()
    os.environ["DASK_DISTRIBUTED__WORKER__DAEMON"] = "False"
    cluster = SLURMCluster(
        queue=options.partition,
        cores=1,
        processes=1,
        memory="4GB",  # a notebook may take 2 GB, its judge and its warm process the rest
        walltime=options.walltime,
        worker_extra_args=["--nthreads", "1"],
        job_script_prologue=["export DASK_DISTRIBUTED__WORKER__DAEMON=False", "export OMP_NUM_THREADS=1"],
    )
    cluster.scale(options.workers)
    print(f"autograde grade --scheduler {cluster.scheduler_address}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
