# verdict: crashed, timeout
# %% before
kernel = get_ipython().kernel
kernel.iopub_socket.close(0)
kernel.shell_stream.close()
