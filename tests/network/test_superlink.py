"""One real SuperLink and two SuperNodes on loopback, over TLS, run the same apps to the end."""

import dataclasses
import datetime as dt
import ipaddress
from contextlib import ExitStack

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.events import EventKind, read_events, verify_events
from server.run_folder import events_file, read_best, read_census, read_history
from shared.settings import parse_run_settings
from simulations.federation import run_federation
from simulations.flower_processes import (
    FlowerHome,
    free_port,
    running,
    submit,
    wait_for_superlink,
    write_app,
)
from simulations.run_config import config_of
from simulations.synthetic.cohort import write_cohort
from simulations.synthetic.spec import CohortSpec, even_sites

pytestmark = [pytest.mark.network, pytest.mark.slow]

SETTINGS = parse_run_settings(
    {
        "min-sites": 2,
        "phases": "portal",
        "image-size": 32,
        "slices-per-patient": 1,
        "rounds": 1,
        "batch-size": 16,
        "inner-validation-fraction": 0.4,
        "wait-seconds": 200,
    }
)


@pytest.fixture
def certificates(tmp_path):
    """A CA and a server certificate for 127.0.0.1, as files."""
    folder = tmp_path / "pki"
    folder.mkdir()
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])
        for words in ("HepaFed test CA", "superlink")
    )
    now = dt.datetime.now(dt.UTC)

    def certificate(subject, public_key, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    ca = x509.BasicConstraints(ca=True, path_length=0)
    (folder / "ca.crt").write_bytes(certificate(ca_name, ca_key.public_key(), ca, usage))
    (folder / "server.pem").write_bytes(certificate(name, key.public_key(), here))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder


def home_in(tmp_path, name, address, certificates):
    folder = tmp_path / name
    folder.mkdir()
    return FlowerHome(folder, address, certificates / "ca.crt")


def start_everything(stack, tmp_path, certificates, sites):
    """Start the SuperLink and one SuperNode per site; give the coordinator's home."""
    address = f"127.0.0.1:{free_port()}"
    host, port = address.split(":")
    coordinator = home_in(tmp_path, "coordinator", address, certificates)
    coordinator.write_connection()
    tls = ["--ssl-ca-certfile", f"{certificates}/ca.crt"]
    tls += ["--ssl-certfile", f"{certificates}/server.pem"]
    tls += ["--ssl-keyfile", f"{certificates}/server.key"]
    command = ["flower-superlink", *tls, "--host", host, "--port", port]
    superlink = stack.enter_context(running(coordinator, "superlink", command))
    wait_for_superlink(coordinator, superlink)
    for number, site in enumerate(sites):
        home = home_in(tmp_path, f"hospital{number}", address, certificates)
        command = ["flower-supernode", "--root-certificates", f"{certificates}/ca.crt"]
        command += ["--superlink", address, "--host", host, "--port", str(free_port())]
        command += ["--node-config", f'site-settings="{site}"']
        stack.enter_context(running(home, "supernode", command))
    return coordinator


def test_a_deployment_gives_the_same_model_as_in_process(tmp_path, certificates):
    spec = CohortSpec(sites=even_sites(2, 24), seed=5, matrix=64, slices=8)
    write_cohort(spec, tmp_path / "cohort", workers=1, progress=None)
    sites = sorted((tmp_path / "cohort").glob("*/site.toml"))
    expected = run_federation(sites, SETTINGS, tmp_path / "in-process")
    run_dir = tmp_path / "deployed"
    write_app(tmp_path / "app", config_of(dataclasses.replace(SETTINGS, run_dir=str(run_dir))))
    lines: list[str] = []
    with ExitStack() as stack:
        coordinator = start_everything(stack, tmp_path, certificates, sites)
        submit(coordinator, tmp_path / "app", lines.append)

    best, weights = read_best(run_dir)
    assert best.round == expected.best.round
    assert best.validation_loss == pytest.approx(expected.best.validation_loss, abs=1e-6)
    assert set(weights) == set(expected.weights)
    assert all(np.allclose(weights[n], expected.weights[n], atol=1e-6, rtol=0) for n in weights)
    assert set(read_census(run_dir).sites) == {"site-a", "site-b"}
    assert [record.failed for record in read_history(run_dir)] == [()]
    assert any("Round 1/1" in line for line in lines)
    assert verify_events(events_file(run_dir)).broken_at is None
    errors = [e for e in read_events(events_file(run_dir)) if e.kind is EventKind.ERROR]
    assert errors == []
