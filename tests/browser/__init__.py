"""The notebooks as a person sees them: JupyterLab in headless Chromium (`make browser-test`)."""
