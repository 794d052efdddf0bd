"""The command `trainingjob-operator`."""

import asyncio
import logging
import sys
from collections.abc import Sequence

from trainingjob.controller.connection import NoConnectionError, connect
from trainingjob.controller.frameworks import CatalogueError
from trainingjob.controller.logs import configure_logs
from trainingjob.controller.operator import EXIT_UNUSABLE, Operator
from trainingjob.controller.settings import Settings, parse_settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the operator with the process's arguments and end the process with its exit code."""
    settings = parse_settings(sys.argv[1:] if arguments is None else arguments)
    configure_logs(settings.log_format, settings.log_level)
    sys.exit(asyncio.run(_run(settings)))


async def _run(settings: Settings) -> int:
    try:
        connection = await connect(settings.kubeconfig)
    except NoConnectionError as error:
        logging.getLogger(__name__).critical("%s", error)
        return EXIT_UNUSABLE
    try:
        return await Operator(settings, connection).run()
    except CatalogueError as error:
        logging.getLogger(__name__).critical("The catalogue of frameworks cannot be read: %s.", error)
        return EXIT_UNUSABLE
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
