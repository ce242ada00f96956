using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Follows the player, looking a little ahead of it, within the arena.</summary>
    [RequireComponent(typeof(Camera))]
    public sealed class CameraFollow : MonoBehaviour
    {
        [SerializeField] private PlayerMovement target;
        [SerializeField, Min(0f)] private float lookAhead = 1.2f;
        [SerializeField, Min(0f)] private float smoothSeconds = 0.2f;
        [SerializeField] private Rect bounds = new Rect(0f, 0f, 32f, 20f);

        private Camera view;
        private Vector3 velocity;

        private void Awake()
        {
            view = GetComponent<Camera>();
        }

        private void LateUpdate()
        {
            if (target == null) return;
            Vector2 wanted = (Vector2)target.transform.position + target.Facing * lookAhead;
            float halfHeight = view.orthographicSize;
            float halfWidth = halfHeight * view.aspect;
            var limited = new Vector3(
                Within(wanted.x, bounds.xMin + halfWidth, bounds.xMax - halfWidth),
                Within(wanted.y, bounds.yMin + halfHeight, bounds.yMax - halfHeight),
                transform.position.z);
            transform.position = Vector3.SmoothDamp(transform.position, limited, ref velocity, smoothSeconds);
        }

        /// <summary>An arena smaller than the view is centred.</summary>
        private static float Within(float value, float min, float max)
        {
            return min > max ? (min + max) * 0.5f : Mathf.Clamp(value, min, max);
        }
    }
}
