using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>
    /// Walks in eight directions, equally fast in each. The body needs no gravity; Facing keeps the last direction walked, for
    /// whoever wants to aim or animate.
    /// </summary>
    [RequireComponent(typeof(Rigidbody2D), typeof(SpriteRenderer))]
    public sealed class PlayerMovement : MonoBehaviour
    {
        [SerializeField, Min(0f)] private float speed = 5f;
        [SerializeField, Min(0f)] private float acceleration = 60f;

        [Header("Looks")]
        [SerializeField] private SpriteAnimator animator;
        [SerializeField] private Sprite[] downFrames;
        [SerializeField] private Sprite[] upFrames;
        [SerializeField] private Sprite[] sideFrames;

        private Rigidbody2D body;
        private SpriteRenderer spriteRenderer;
        private Vector2 input;

        /// <summary>One of eight unit vectors.</summary>
        public Vector2 Facing { get; private set; } = Vector2.down;

        public bool HasControl { get; set; } = true;

        private void Awake()
        {
            body = GetComponent<Rigidbody2D>();
            spriteRenderer = GetComponent<SpriteRenderer>();
            body.gravityScale = 0f;
            body.freezeRotation = true;
            body.interpolation = RigidbodyInterpolation2D.Interpolate;
        }

        private void Update()
        {
            input = HasControl ? new Vector2(Input.GetAxisRaw("Horizontal"), Input.GetAxisRaw("Vertical")) : Vector2.zero;
            if (input.sqrMagnitude > 0.01f) Facing = SnapToEight(input);
            // A diagonal is not faster than a straight line; a stick pushed halfway still walks slowly.
            input = Vector2.ClampMagnitude(input, 1f);
            ShowFacing();
        }

        private void FixedUpdate()
        {
            body.SetVelocity(Vector2.MoveTowards(body.GetVelocity(), input * speed, acceleration * Time.fixedDeltaTime));
        }

        private static Vector2 SnapToEight(Vector2 direction)
        {
            const float Eighth = Mathf.PI / 4f;
            float angle = Mathf.Round(Mathf.Atan2(direction.y, direction.x) / Eighth) * Eighth;
            return new Vector2(Mathf.Cos(angle), Mathf.Sin(angle));
        }

        private void ShowFacing()
        {
            if (animator == null) return;
            bool sideways = Mathf.Abs(Facing.x) > Mathf.Abs(Facing.y) + 0.01f;
            spriteRenderer.flipX = sideways && Facing.x < 0f;
            Sprite[] frames = sideways ? sideFrames : Facing.y > 0f ? upFrames : downFrames;
            animator.Play(frames, input.sqrMagnitude > 0.01f ? 8f : 0.1f);
        }
    }
}
