import openai
import pytest


@pytest.fixture
def client(entrepot):
    return openai.OpenAI(api_key=entrepot.key, base_url=entrepot.base_url("openai"), max_retries=1)


def upload(client, **more):
    return client.files.create(file=("hello.txt", b"hello"), purpose="user_data", **more)


def test_a_file_comes_back(client):
    file = upload(client)
    assert client.files.content(file.id).read() == b"hello"
    assert [each.id for each in client.files.list()] == [file.id]


def test_a_file_ends_an_hour_later(client, entrepot):
    file = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
    entrepot.advance_time("61m")
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_an_upload_that_fails_is_sent_again(client, entrepot):
    entrepot.inject_fault("POST /v1/files", status=503, headers={"retry-after-ms": "1"})
    upload(client)
    assert [entry["status"] for entry in entrepot.journal()] == [503, 200]


def test_an_answer_may_be_lost_after_the_work(client, entrepot):
    entrepot.inject_fault("POST /v1/files", loseAnswer=True)
    with pytest.raises(openai.APIConnectionError):
        upload(client.with_options(max_retries=0))
    assert len(list(client.files.list())) == 1


def test_what_the_emulator_refuses_is_an_error(entrepot):
    with pytest.raises(ValueError, match="time only goes forward|advance must be"):
        entrepot.advance_time(-1)
