"""The environment of the training container: who defines what, in which order."""

import pytest

from tests.support.builders import make_job
from tests.support.pods import env_names, env_values, main_container, pod_of, render_pods

IDENTITY = [
    "TRAININGJOB_NAME",
    "TRAININGJOB_NAMESPACE",
    "TRAININGJOB_ROLE",
    "TRAININGJOB_INDEX",
    "TRAININGJOB_ATTEMPT",
]


def test_every_process_is_told_which_one_it_is() -> None:
    pods = render_pods(make_job(parameterServer={"servers": 2}), attempt=3)
    values = env_values(pods["mnist-ps-1"])
    assert [values[name] for name in IDENTITY] == ["mnist", "team", "ps", "1", "3"]


def test_the_operator_s_variables_stand_first_so_that_the_user_s_may_refer_to_them() -> None:
    env = [{"name": "OUT", "value": "/data/$(TRAININGJOB_INDEX)"}, {"name": "A", "value": "$(OUT)/a"}]
    pod = pod_of(multiWorker={}, env=env)
    assert env_names(pod) == [*IDENTITY, "TF_CONFIG", "HOME", "USER", "LOGNAME", "OUT", "A"]
    assert env_values(pod)["OUT"] == "/data/$(TRAININGJOB_INDEX)"


def test_a_user_id_that_the_image_does_not_know_gets_a_home_and_a_name() -> None:
    values = env_values(pod_of())
    assert values["HOME"] == "/home/trainingjob"
    assert values["USER"] == values["LOGNAME"] == "trainingjob"


@pytest.mark.parametrize("name", ["HOME", "USER", "LOGNAME"])
def test_a_variable_of_the_home_that_the_user_sets_is_the_user_s_alone(name: str) -> None:
    pod = pod_of(env=[{"name": name, "value": "mine"}])
    assert env_names(pod).count(name) == 1
    assert env_values(pod)[name] == "mine"


def test_variables_from_elsewhere_keep_their_source() -> None:
    source = {"secretKeyRef": {"name": "keys", "key": "token", "optional": True}}
    pod = pod_of(
        env=[{"name": "TOKEN", "valueFrom": source}], envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}]
    )
    assert main_container(pod)["env"][-1] == {"name": "TOKEN", "valueFrom": source}
    assert main_container(pod)["envFrom"] == [{"prefix": "P_", "configMapRef": {"name": "c"}}]


def test_an_empty_value_stays_a_value() -> None:
    assert main_container(pod_of(env=[{"name": "EMPTY", "value": ""}]))["env"][-1] == {"name": "EMPTY", "value": ""}


def test_dollars_in_the_user_s_words_pass_unchanged() -> None:
    container = main_container(pod_of(args=["$$(A)", "$(B)"], env=[{"name": "C", "value": "$$HOME"}]))
    assert container["args"] == ["$$(A)", "$(B)"]
    assert container["env"][-1]["value"] == "$$HOME"
