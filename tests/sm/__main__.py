# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Run the SM and the SA in the foreground: python3 -m tests.sm --hca sib1."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.sm.sa import ScriptedSA
from tests.sm.smp import SmpError
from tests.sm.subnet import DEFAULT_PREFIX, MTU_4096, Subnet
from tests.sm.umad import MadTimeout


def _number(text: str) -> int:
    return int(text, 0)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.sm",
        description="A small subnet manager and subnet administration.")
    parser.add_argument("--hca", required=True, help="HCA to run on, as sib1")
    parser.add_argument("--port", type=int, default=1)
    parser.add_argument("--first-lid", type=_number, default=1, metavar="LID")
    parser.add_argument("--prefix", type=_number, default=DEFAULT_PREFIX,
                        help="subnet prefix, as a number")
    parser.add_argument("--mtu", type=_number, default=MTU_4096,
                        metavar="CODE", help="largest MTU code of a link")
    parser.add_argument("--no-broadcast-group", action="store_true",
                        help="leave the IPv4 broadcast group to be created")
    parser.add_argument("--no-sendonly-full-member", action="store_true",
                        help="deny knowledge of that JoinState")
    parser.add_argument("--log", action="store_true",
                        help="print each request at the end")
    return parser.parse_args()


def run(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with (Subnet(args.hca, args.port, first_lid=args.first_lid,
                 prefix=args.prefix, mtu=args.mtu,
                 resweep_on_trap=True) as subnet,
          ScriptedSA(subnet, broadcast=not args.no_broadcast_group,
                     sendonly_full_member=not args.no_sendonly_full_member
                     ) as sa):
        subnet.bring_up()
        print("SUBNET UP", flush=True)
        signal.sigwait(signals)
        if args.log:
            print(*sa.log, sep="\n")


def main() -> int:
    """Exit status: 0 after a signal, 1 if the fabric or the HCA fails."""
    try:
        run(parse_arguments())
    except (OSError, LookupError, SmpError, MadTimeout) as error:
        print(f"tests.sm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
