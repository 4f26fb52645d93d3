"""An endpoint that speaks OpenAI's protocol, in front of any model.

`wire` turns JSON into requests and outcomes into JSON and does no I/O; `service` answers; `http` holds the routes.
"""
